"""The connector for Singer users, and a drop-in for tap-closeio: https://hub.meltano.com/singer/spec."""
