"""The report as an HTML page: a pure view of it, and the template and the script that lay the view out."""
