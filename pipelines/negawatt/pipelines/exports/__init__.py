"""Renderings of a statement: report, tables. Not here: any number that the statement lacks."""
