"""Keys: the public directory that both sides read, and the private keys that only an edge holds.

`directory` and `signatures` are public; `private` is for edges only, and the hub never imports it. Nothing here
ever prints a key or a passphrase.
"""
