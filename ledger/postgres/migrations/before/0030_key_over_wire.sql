-- A terminal's next key, asked for over the wire (KEY_CHANGE). The service may make one only here: of the terminal that
-- asks, the generation after its last, under a name of its own in the trail.
--
-- Returns no row where there is none to have: the terminal is blocked, or the generation it asks with has ended. Else the
-- newest generation that was never used, with its wrapped key, whoever issued it. If there is none: the number the next
-- one has to have, with null; called again with that number and a key wrapped for it, it is issued.
create function registry.next_key_v1(p_terminal int, p_in_use smallint, p_generation smallint, p_wrapped bytea)
returns table (generation smallint, wrapped bytea)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_next int;
begin
  for v_round in 1..2 loop
    if not exists (
      select from registry.terminal t join registry.terminal_key k on k.terminal = t.id
        where t.id = p_terminal and t.status <> 1 and k.generation = p_in_use and k.retired_at is null
          and coalesce(k.not_after > now(), true)
    ) or exists (
      select from registry.terminal_key k
        where k.terminal = p_terminal and k.generation > p_in_use and k.used_at is not null
    ) then
      return;
    end if;
    return query select k.generation, k.wrapped from registry.terminal_key k
      where k.terminal = p_terminal and k.generation > p_in_use and k.retired_at is null
        and coalesce(k.not_after > now(), true)
      order by k.generation desc limit 1;
    if found then
      return;
    end if;
    -- Nothing was locked to find out that there is nothing to write. To write, the registry's lock is taken, and all of
    -- it looked at again.
    if v_round = 1 then
      perform pg_advisory_xact_lock(1667854707, 1);
    end if;
  end loop;
  select max(k.generation) + 1 into v_next from registry.terminal_key k where k.terminal = p_terminal;
  if v_next > 32767 then
    return;
  elsif p_wrapped is null or p_generation is distinct from v_next then
    return query select v_next::smallint, null::bytea;
    return;
  end if;
  perform set_config('cityswitch.actor', 'terminal ' || p_terminal, true),
    set_config('cityswitch.reason', 'asked for over the wire', true),
    set_config('cityswitch.source', '', true), set_config('cityswitch.hand', 'terminal', true);
  insert into registry.terminal_key (terminal, generation, wrapped)
    values (p_terminal, p_generation, p_wrapped);
  return query select p_generation, p_wrapped;
end
$$;

revoke all on function registry.next_key_v1 from public;
grant execute on function registry.next_key_v1 to cityswitch_service;
