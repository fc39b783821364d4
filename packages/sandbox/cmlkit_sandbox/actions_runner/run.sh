#!/bin/bash
# The stand-in's run.sh: starts the listener where the real one does, and is the listener from then on.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
exec "$PWD/bin/Runner.Listener" run "$@"
