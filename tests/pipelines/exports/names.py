"""Names from data that try to be something else: markup, formulas, paths, controls, directions."""

NAMES = (
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    '"><style>*{display:none}</style>',
    "{{ 7 * 7 }}",
    '=HYPERLINK("http://x")',
    "../../etc/passwd",
    "a\x00b\x01c\x1b[31m",
    "j\u202egnp.exe",
    "'; DROP TABLE jobs; --",
    "line\nbreak,comma;\ttab",
)
