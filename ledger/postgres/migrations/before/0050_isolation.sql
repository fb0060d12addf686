-- Three organisers are three controllers of personal data: with the rights of one programme nothing of another's can be read.
-- A programme's administrators are members of a role of its own, cityswitch_programme_<number> (`cityswitch roles add`), which
-- is a member of two: cityswitch_programme, which may do an office's work, and cityswitch_people, who the holders are. Those
-- say what may be done at all, the policies say on which rows. The service serves all programmes, and reads no people. The
-- books' tables have no policy, for that would be asked at every posting: an office reads them through schema office.

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
create function registry.my_programmes() returns setof smallint
language sql stable set search_path = pg_catalog, pg_temp as $$
  select substring(r.rolname from '[0-9]+$')::smallint from pg_catalog.pg_roles r
    where r.rolname ~ '^cityswitch_programme_[0-9]{1,4}$' and pg_catalog.pg_has_role(current_user, r.oid, 'member')
$$;

do $$
declare t text; own text; allowed text;
begin
  for t, own, allowed in
    select v.t, v.own, coalesce(v.allowed, v.own) from (values
      ('registry.programme', 'id in (select registry.my_programmes())', null),
      ('registry.programme_version', 'programme in (select registry.my_programmes())', null),
      ('registry.kind_step', 'programme in (select registry.my_programmes())', null),
      ('registry.partner', 'programme in (select registry.my_programmes())', null),
      -- What belongs to a partner or a terminal: to those of them that it may see.
      ('registry.outlet', 'partner in (select id from registry.partner)', null),
      ('registry.offer', 'programme in (select registry.my_programmes())', null),
      ('registry.terminal', 'partner in (select id from registry.partner)', null),
      ('registry.terminal_key', 'terminal in (select id from registry.terminal)', null),
      -- An account that was drawn (asked anew for each row), so that none is in the way of whoever draws it; check_move sees
      -- to it that it is no other programme's.
      ('registry.card', 'programme in (select registry.my_programmes())',
       'programme in (select registry.my_programmes()) and account >> 3 <= (select n.last_value from registry.account_number n where card.account > 0)'),
      -- The holder of a card of its own: an account number is no way to another's.
      ('registry.holder', 'programme in (select registry.my_programmes())',
       'programme in (select registry.my_programmes())
          and exists (select from registry.card c where c.account = holder.account)'),
      ('registry.ending', 'programme in (select registry.my_programmes())',
       'programme in (select registry.my_programmes())
          and exists (select from registry.card c where c.account = ending.account)'),
      ('registry.card_case', 'programme in (select registry.my_programmes())', null),
      ('registry.card_fee', 'programme in (select registry.my_programmes())',
       'programme in (select registry.my_programmes())
          and exists (select from registry.card c where c.account = card_fee.account)'),
      ('registry.card_fee_payment', 'programme in (select registry.my_programmes())',
       'programme in (select registry.my_programmes()) and fee in (select number from registry.card_fee)'),
      ('registry.audit', 'programme in (select registry.my_programmes())', null)) as v(t, own, allowed)
  loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy serves_all on %s to cityswitch_service using (true) with check (true)', t);
    execute format('create policy own_programme on %s to cityswitch_programme using (%s) with check (%s)', t, own, allowed);
  end loop;
  foreach t in array array['people.key', 'people.person', 'people.pesel_token', 'people.token_key', 'people.consent',
      'people.representative', 'people.former_contact'] loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy own_programme on %s to cityswitch_people using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()))', t);
  end loop;
end
$$;

grant usage on schema registry, ledger to cityswitch_programme;  -- in ledger to names and functions, and to no table
grant select on registry.programme, registry.programme_version, registry.kind_step, registry.partner, registry.outlet,
  registry.offer, registry.terminal, registry.card, registry.holder, registry.ending, registry.card_case, registry.card_fee,
  registry.card_fee_payment, registry.audit, registry.card_move,
  registry.layout, registry.installation to cityswitch_programme;
grant update (suspended, ended_from) on registry.programme to cityswitch_programme;
grant insert on registry.programme_version, registry.kind_step, registry.partner, registry.outlet, registry.offer,
  registry.terminal, registry.card, registry.card_fee, registry.holder to cityswitch_programme;
grant update (status) on registry.partner to cityswitch_programme;
grant update (partner, state, effective_from, terms) on registry.offer to cityswitch_programme;
grant update (status, outlet) on registry.terminal to cityswitch_programme;
-- Keys are issued and ended by it, and never read.
grant select (terminal, generation, issued_at, used_at, not_after, retired_at) on registry.terminal_key to cityswitch_programme;
grant insert (terminal, generation, wrapped), update (not_after, retired_at) on registry.terminal_key to cityswitch_programme;
grant update (status, expires_on) on registry.card to cityswitch_programme;
grant update (flags, guardian, kinds, kinds_from, kinds_before, next_from, kinds_next, entitled_until, tax_year, past,
  contract_ends_on, resigned_on) on registry.holder to cityswitch_programme;
grant insert (account, programme, kind, given_on, ends_on), update (withdrawn_at) on registry.ending to cityswitch_programme;
grant update (state, decided_by, decided_at) on registry.card_case to cityswitch_programme;
grant update (old_card) on registry.card_fee to cityswitch_programme;
grant insert (fee, how, grosze, takes_back) on registry.card_fee_payment to cityswitch_programme;
grant usage on sequence registry.change_number to cityswitch_programme;
grant usage, select on sequence registry.account_number to cityswitch_programme;
grant execute on function people.place_kinds to cityswitch_programme;  -- with the caller's rights, on the rows it may see

-- The accounts in the books of cards that are there; those that have one keep it. As the owner: whoever adds cards need not
-- write the books, and nothing can be opened here that no card belongs to.
create function registry.open_accounts_v1(p_accounts bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.account (bucket, id)
    select distinct ledger.bucket_of(c.account, l.buckets), c.account
      from registry.card c cross join registry.layout l where c.account = any (p_accounts)
    on conflict (bucket, id) do nothing;
end
$$;
revoke all on function registry.open_accounts_v1 from public;
grant execute on function registry.open_accounts_v1 to cityswitch_programme;

-- The books as an office reads them (0052).
create schema office;

create function office.serves_all() returns boolean language sql stable set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.pg_has_role(current_user, 'cityswitch_service', 'usage')
    or pg_catalog.pg_has_role(current_user,
      (select c.relowner from pg_catalog.pg_class c where c.oid = 'registry.card'::regclass), 'usage')
$$;

grant usage on schema office to cityswitch_service, cityswitch_programme;
