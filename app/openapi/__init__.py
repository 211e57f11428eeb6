"""What can be asked for, as an OpenAPI 3.1 description.

Addresses and methods come from the routes themselves, in `document.py`; what parameters mean is
declared once, in `parameters.py`; which views take which, and what they answer, in
`operations.py`. A view that is not declared there makes a test fail.
"""
