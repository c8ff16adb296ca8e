"""Images in: samples from folders and archives, checked, hashed, stored once, decoded."""
