-- Where a terminal stands, and what partners grant to holders of the card.

-- One shop of a partner. A terminal may stand in one; an offer may be of some of them only.
create table registry.outlet (
  id      int primary key check (id between 1 and 99999999),
  partner int not null references registry.partner (id),
  name    text not null check (length(name) between 1 and 64),
  address text not null default '' check (length(address) <= 128),
  changed bigint not null,
  unique (partner, id)
);
alter table registry.terminal add column outlet int,
  add constraint terminal_outlet foreign key (partner, outlet) references registry.outlet (partner, id);

alter table registry.partner add constraint partner_of_programme unique (programme, id);

-- An offer, by version. 0 draft: may be changed, and holds nowhere; 1 published: holds from effective_from until the
-- next version does; 2 withdrawn: from effective_from on the offer does not hold. What is published stays as it is.
create table registry.offer (
  programme      smallint not null references registry.programme (id),
  number         int not null check (number between 1 and 99999999),
  version        int not null check (version between 1 and 999999),
  partner        int not null,
  state          smallint not null default 0 check (state between 0 and 2),
  effective_from timestamptz check ((state = 0) = (effective_from is null)),
  terms          text not null check (length(terms) between 1 and 16384),
  changed        bigint not null,
  primary key (programme, number, version),
  foreign key (programme, partner) references registry.partner (programme, id)
);
create index offer_changed on registry.offer (changed);

do $$
declare t text; k text;
begin
  for t, k in select * from (values ('outlet', 'id'), ('offer', 'programme,number,version')) as v(t, k)
  loop
    execute format('create trigger change_lock before insert or update on registry.%I
                    for each statement execute function registry.take_change_lock()', t);
    execute format('create trigger change_number before insert or update on registry.%I
                    for each row execute function registry.number_change()', t);
    execute format('create trigger change_told after insert or update on registry.%I
                    for each statement execute function registry.tell_change()', t);
    execute format('create trigger record_insert after insert on registry.%I referencing new table as new_rows
                    for each statement execute function registry.record_change(%s)', t, k);
    execute format('create trigger record_update after update on registry.%I
                    referencing old table as old_rows new table as new_rows
                    for each statement execute function registry.record_change(%s)', t, k);
    execute format('create trigger nothing_deleted before delete or truncate on registry.%I
                    for each statement execute function registry.refuse_change()', t);
  end loop;
end
$$;
create trigger published_stays before update on registry.offer
  for each row when (old.state <> 0) execute function registry.refuse_change();

grant select on registry.outlet, registry.offer to cityswitch_service;
