"""One short file per paper; each registers a case of :mod:`crmlab.replicate`."""
