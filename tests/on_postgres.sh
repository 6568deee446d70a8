#!/bin/sh
# Runs a command on the private server that pg_virtualenv has started.
DJAFFAR_TEST_POSTGRES_URL="postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres" exec "$@"
