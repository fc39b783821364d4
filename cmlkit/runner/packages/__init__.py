"""The packages of a project that an image can have: from its lists, and for the program that installs them."""
