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

call registry.keep_trail('outlet', 'id');
call registry.keep_trail('offer', 'programme,number,version');
create trigger published_stays before update on registry.offer
  for each row when (old.state <> 0) execute function registry.refuse_change();

grant select on registry.outlet, registry.offer to cityswitch_service;
