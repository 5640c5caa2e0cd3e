"""
What a request costs: instructions, SQL statements, CPU time, beside hand-written views.

``tox run -e benchmarks`` prints the tables of the documentation, and ``tox run -e
instructions`` compares with the figures that the repository keeps.
"""
