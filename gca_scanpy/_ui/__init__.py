"""``gca review``: the page on which a curator decides. Streamlit is imported in ``review_app`` only."""
