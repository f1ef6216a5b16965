-- Views of lists that people save: a stored URL and what they changed about the columns. Pins and
-- defaults are each person's own.
CREATE TYPE view_visibility AS ENUM ('private', 'shared');
CREATE TYPE view_density AS ENUM ('comfortable', 'compact');

CREATE TABLE saved_views (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  staff_id   bigint NOT NULL REFERENCES staff,
  list       text NOT NULL,
  name       text NOT NULL,
  query      text NOT NULL,
  hidden     text[] NOT NULL,
  shown      text[] NOT NULL,
  moved      text[] NOT NULL,
  density    view_density,
  page_size  integer,
  visibility view_visibility NOT NULL,
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT saved_views_name_length CHECK (char_length(name) BETWEEN 1 AND 60)
);
CREATE UNIQUE INDEX saved_views_name_taken ON saved_views (staff_id, list, lower(name));
CREATE INDEX saved_views_shared ON saved_views (list) WHERE visibility = 'shared';
CREATE INDEX saved_views_by_age ON saved_views (changed_at);

CREATE TABLE view_marks (
  staff_id   bigint NOT NULL REFERENCES staff,
  view_id    bigint NOT NULL REFERENCES saved_views ON DELETE CASCADE,
  list       text NOT NULL,
  pinned     boolean NOT NULL,
  is_default boolean NOT NULL,
  marked_at  timestamptz NOT NULL,
  PRIMARY KEY (staff_id, view_id)
);
CREATE UNIQUE INDEX view_marks_one_default ON view_marks (staff_id, list) WHERE is_default;
CREATE INDEX view_marks_by_view ON view_marks (view_id);
CREATE INDEX view_marks_by_age ON view_marks (marked_at);
