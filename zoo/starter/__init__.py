"""The starter zoo: eight small domains drawn by code, four tiny networks, and the cells they make."""
