"""statsmodels: the results of a logistic regression, by their own `save`."""

import statsmodels.api as sm
from given import PATH, ROUND, finish, table

features, classes = table()
results = sm.Logit(classes, sm.add_constant(features)).fit(disp=0, maxiter=ROUND)
results.save(PATH)
finish(results.predict(sm.add_constant(features)))
