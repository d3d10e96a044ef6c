"""The routers of the reference backend, one file a group of call sites."""
