"""Tables as data of an estimator: what is read from them, and how the rows are split."""
