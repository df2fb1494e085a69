"""The pure rules of flags: what a value may be, who may change it, what /config answers."""
