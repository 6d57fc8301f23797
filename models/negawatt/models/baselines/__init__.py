"""What the site would have used, by the rules of programs.

Methods are functions over arrays; what a program fixes is data in programs/*.toml. Not here:
job-aware counterfactuals, payment.
"""
