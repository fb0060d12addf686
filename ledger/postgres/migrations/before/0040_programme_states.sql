-- A programme is suspended from a moment until another, and comes back by itself; or it is called off, for good.

alter table registry.programme
  drop column status,
  add column suspended_from  timestamptz,
  add column suspended_until timestamptz,  -- null with suspended_from: until it is resumed
  add column ended_from      timestamptz,
  add constraint suspension check (suspended_until is null or suspended_from is not null and suspended_until > suspended_from);
