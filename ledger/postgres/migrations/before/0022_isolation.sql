-- Three organisers are three controllers of personal data: with the rights of one programme nothing of another's can be read.
-- A programme's administrators are members of a role of its own, cityswitch_programme_<number> (`cityswitch programmes role`),
-- which is a member of two: cityswitch_programme, which may look after cards and holders, and cityswitch_people, who they are.
-- Those say what may be done at all, the policies say on which rows. The service serves all programmes, and reads no people.

do $$
begin
  if not exists (select from pg_roles where rolname = 'cityswitch_programme') then
    create role cityswitch_programme nologin;
  end if;
exception when duplicate_object or unique_violation then
  null;  -- another database of this server was being migrated at the same moment
end
$$;

-- The programmes the present login may look after. It reads no table that has a policy, so none asks for itself.
create function registry.my_programmes() returns setof smallint language sql stable as $$
  select substring(r.rolname from '[0-9]+$')::smallint from pg_catalog.pg_roles r
    where r.rolname ~ '^cityswitch_programme_[0-9]{1,4}$' and pg_catalog.pg_has_role(current_user, r.oid, 'member')
$$;

do $$
declare t text; own text;
begin
  for t, own in
    select * from (values
      ('registry.programme', 'id in (select registry.my_programmes())'),
      ('registry.programme_version', 'programme in (select registry.my_programmes())'),
      ('registry.kind_step', 'programme in (select registry.my_programmes())'),
      ('registry.partner', 'programme in (select registry.my_programmes())'),
      ('registry.outlet', 'partner in (select id from registry.partner)'),
      ('registry.offer', 'programme in (select registry.my_programmes())'),
      ('registry.terminal', 'partner in (select id from registry.partner)'),  -- those of them it may see
      ('registry.terminal_key', 'false'),
      ('registry.card', 'programme in (select registry.my_programmes())'),
      ('registry.holder', 'programme in (select registry.my_programmes())')) as v(t, own)
  loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy serves_all on %s to cityswitch_service using (true) with check (true)', t);
    execute format('create policy own_programme on %s to cityswitch_programme using (%s) with check (%s)', t, own, own);
  end loop;
  foreach t in array array['people.person', 'people.consent', 'people.representative'] loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy own_programme on %s to cityswitch_people using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()))', t);
  end loop;
end
$$;

grant usage on schema registry to cityswitch_programme;
grant select on registry.programme, registry.programme_version, registry.kind_step, registry.partner, registry.outlet,
  registry.offer, registry.terminal,  registry.card, registry.holder, registry.card_move to cityswitch_programme;
grant update (status, expires_on) on registry.card to cityswitch_programme;
grant update (flags, guardian, kinds, entitled_until, tax_year, notice_given_on, notice_ends_on, resigned_on)
  on registry.holder to cityswitch_programme;
grant usage on sequence registry.change_number to cityswitch_programme;
