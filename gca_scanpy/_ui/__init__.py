"""The page of ``gca review``, on which a curator decides. Only ``review_app`` imports Streamlit."""
