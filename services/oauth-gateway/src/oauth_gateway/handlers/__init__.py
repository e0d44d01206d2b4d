"""What the gateway does, one function per wish: decide, write, answer."""
