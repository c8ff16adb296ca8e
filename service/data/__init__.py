"""What is behind datasets: files by digest, room for them, archives that come in parts."""
