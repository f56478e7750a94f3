"""Every word that a person reads: tables, sentences, captions."""
