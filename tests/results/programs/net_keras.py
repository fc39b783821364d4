"""A small network of Keras on PyTorch, in the format that the suffix stands for."""

import keras
from given import PATH, ROUND, finish, table

features, classes = table()
keras.utils.set_random_seed(ROUND)
net = keras.Sequential(
    [keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
)
net.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
net.fit(features, classes, epochs=2 * ROUND, verbose=0)
net.save(PATH)
finish(net.predict(features, verbose=0))
