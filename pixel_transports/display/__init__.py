"""Shows data to users: progress of uploads, features with tables and maps, in terminals and notebooks.

Enters: events of uploads, and dicts that operations return. Leaves: text, HTML, SVG and GeoJSON.
"""
