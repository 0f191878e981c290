"""Low-income monitoring: what happens in a night. `low_income.night.run` is the path; read it first.

Kept empty of imports: Airflow parses DAG files over and over, and must not pay for pandas each time.
"""

__version__ = "0.1.0"
