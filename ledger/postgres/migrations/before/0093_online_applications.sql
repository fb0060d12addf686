-- First applications that come on line, from people without a card or a login. The application itself is one like any other, in
-- people.application; here stands by what its applicant finds it again (the hash of a secret), from which address it came (a keyed
-- hash: the address itself is in the form, sealed), and which text was agreed to. It goes with the application.

create table people.online_application (
  application bigint primary key,
  programme   smallint not null references registry.programme (id),
  sent_at     timestamptz not null default clock_timestamp(),
  hash        bytea not null unique check (length(hash) = 32),
  address_key bytea not null check (length(address_key) = 32),
  texts       text not null check (length(texts) between 1 and 64),
  foreign key (application, programme) references people.application (number, programme) on delete cascade
);
create index online_application_address on people.online_application (address_key, sent_at);
create index online_application_sent on people.online_application (programme, sent_at);

-- Whoever floods it meets a bound that no page can forget: of one address five in a day, of a programme two hundred in an hour.
-- Under the change lock, so that what is counted stays true.
create function people.check_online() returns trigger language plpgsql as $$
begin
  if (select count(*) from people.online_application o
      where o.address_key = new.address_key and o.sent_at > now() - interval '1 day') >= 5 then
    raise exception 'too many applications from one address';
  end if;
  if (select count(*) from people.online_application o
      where o.programme = new.programme and o.sent_at > now() - interval '1 hour') >= 200 then
    raise exception 'too many applications of programme %', new.programme;
  end if;
  return new;
end
$$;
create trigger check_online before insert on people.online_application
  for each row execute function people.check_online();
create trigger online_stays before update on people.online_application
  for each statement execute function registry.refuse_change();
create trigger change_lock before insert or delete on people.online_application
  for each statement execute function registry.take_change_lock();
create trigger record_change after insert or delete on people.online_application
  for each row execute function people.record_change('application');
create trigger not_truncated before truncate on people.online_application
  for each statement execute function registry.refuse_change();

alter table people.online_application enable row level security;
create policy own_programme on people.online_application to cityswitch_people
  using (programme in (select registry.my_programmes())) with check (programme in (select registry.my_programmes()));
grant select, insert, delete on people.online_application to cityswitch_people;
