"""Assets that only wire: read, call one function, write. One module for each layer."""
