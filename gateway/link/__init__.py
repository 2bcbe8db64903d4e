"""How edge and hub meet. The in-process link is the embedded default; each side declares what it asks of the other."""
