-- A programme is suspended from a moment until another, and comes back by itself; or it is called off, for good. Each period it was, is
-- or will be suspended in is kept, for a late sale is judged by that of its moment; one without an upper bound lasts until it is resumed.

alter table registry.programme
  drop column status,
  add column suspended  tstzmultirange not null default '{}',
  add column ended_from timestamptz,
  add constraint suspension check (not lower_inf(suspended));
