"""Fresh tokens in other libraries. Each module here is named after its library, and imports it: ``freshkey.adapters.requests`` for requests.

They have in common: the account is that of the ``with`` block they are made in, or else the default one, unless a `freshkey.Session` is given.
A token is asked for at each request, and kept by nobody (T-084). It goes to the account's own addresses and to those that are named, by https or on
this machine (T-082). A request that was refused with 401 is sent once more, with a new token, if its body can be sent again (T-083).
"""
