-- A row of a batch is done when what was asked for has ended, not when it was asked for.
ALTER TYPE batch_row_state ADD VALUE 'running' AFTER 'waiting';
