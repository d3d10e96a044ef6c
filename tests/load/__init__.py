"""The slow-downstream test: `make load`. A real server must stay responsive while what it calls does not.

Nothing here is collected by pytest.
"""
