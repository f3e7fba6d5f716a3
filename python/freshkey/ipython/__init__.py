"""``%load_ext freshkey``: notebooks in which nothing expires. `extension` is the table of contents."""
