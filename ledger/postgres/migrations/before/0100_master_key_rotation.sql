-- Under which wrapping key of the master key things are: `wrapping` is the one that wraps, `wrapping_least` the oldest that has
-- not been destroyed. Nothing is written under an older one, and none is destroyed while a terminal's key is under it: both are
-- refused here, under the lock that every write of the registry takes, whatever a process with an old key file believes.

alter table registry.installation add column wrapping smallint not null default 0 check (wrapping between 0 and 255),
  add column wrapping_least smallint not null default 0;
alter table registry.installation add constraint the_one_that_wraps_is_there check (wrapping_least between 0 and wrapping);

-- 60 bytes are under the first, number 0; later ones have their number before them.
create function registry.wrapping_of(p_wrapped bytea) returns smallint language sql immutable parallel safe as $$
  select case when octet_length(p_wrapped) = 61 then get_byte(p_wrapped, 0) else 0 end::smallint
$$;

create function registry.check_wrapping() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if registry.wrapping_of(new.wrapped) < (select wrapping_least from registry.installation) then
    raise exception 'this master key was destroyed: restore the newest key file'
      using errcode = 'check_violation', constraint = 'wrapping_was_destroyed';
  end if;
  return new;
end
$$;
create trigger check_wrapping before insert or update of wrapped on registry.terminal_key
  for each row execute function registry.check_wrapping();

create function registry.check_destroyed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from registry.terminal_key where registry.wrapping_of(wrapped) < new.wrapping_least) then
    raise exception 'terminals'' keys are under this master key yet: run cityswitch master-key rewrap'
      using errcode = 'check_violation', constraint = 'wrapping_is_needed';
  end if;
  return new;
end
$$;
create trigger check_destroyed before update of wrapping_least on registry.installation
  for each row when (old.wrapping_least <> new.wrapping_least) execute function registry.check_destroyed();
