"""Verification report of a period as one HTML page: text, curves and tables.

`report_data.gather` collects its data, `page.write` writes the page.
"""
