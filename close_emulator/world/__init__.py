"""An organisation that is made up, and people who work in it."""
