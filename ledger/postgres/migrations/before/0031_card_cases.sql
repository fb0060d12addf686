-- What terminals report of cards (CARD_REPORT), and what the organiser makes of it (Żywiec, terms § 4).
-- A report of misuse stops the card at once, as a precaution; a case waits until the organiser confirms or lifts it.
-- kind: 1 retained, 2 attempt, 3 doubt. state: 0 open, 1 confirmed, 2 lifted, 3 noted: of no card of this programme.
-- was, became: the card's states, as in registry.card, before and after the report (equal: the report changed nothing).
create table registry.card_case (
  number      bigint generated always as identity primary key,
  terminal    int not null references registry.terminal (id),
  stan        int not null check (stan >= 1),
  digest      bigint not null,
  kind        smallint not null check (kind between 1 and 3),
  entry       smallint not null check (entry between 1 and 4),
  happened_at timestamptz not null,  -- by the terminal's clock
  opened_at   timestamptz not null default clock_timestamp(),
  programme   smallint not null references registry.programme (id),
  account     bigint,
  carrier     smallint,
  issue       smallint,
  last4       char(4) check (last4 ~ '^[0-9]{4}$'),  -- of what was read, if it was a number
  was         smallint,
  became      smallint,
  state       smallint not null check (state between 0 and 3),
  decided_by  text check (length(decided_by) between 1 and 64),
  decided_at  timestamptz,
  unique (terminal, stan),
  foreign key (account, carrier, issue) references registry.card,
  check ((state = 3) = (account is null)),
  check (num_nulls(account, carrier, issue, was, became) in (0, 5)),
  check ((state in (1, 2)) = (decided_by is not null) and (state in (1, 2)) = (decided_at is not null))
);
create index card_case_open on registry.card_case (number) where state = 0;
create index card_case_card on registry.card_case (account, carrier, issue) where state = 0;

call registry.keep_trail('card_case', 'number', false);
create trigger decided_stays before update on registry.card_case
  for each row when (old.state <> 0) execute function registry.refuse_change();

-- The service's one way to it. Returns a result code of the protocol: 0 taken down (now or before), 21 the STAN was used
-- for another report. What the card is it does not tell. p_token null: no number was read.
create function registry.report_card_v1(
  p_terminal int, p_stan int, p_digest bigint, p_kind smallint, p_entry smallint, p_happened bigint,
  p_token bigint, p_last4 smallint
) returns smallint language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_digest bigint;
  v_programme smallint;
  v_card registry.card%rowtype;
  v_becomes smallint;
begin
  for v_round in 1..2 loop
    select c.digest into v_digest from registry.card_case c where c.terminal = p_terminal and c.stan = p_stan;
    if found then
      return case when v_digest = p_digest then 0 else 21 end;
    elsif v_round = 1 then
      perform pg_advisory_xact_lock(1667854707, 1);
    end if;
  end loop;
  perform set_config('cityswitch.actor', 'terminal ' || p_terminal, true),
    set_config('cityswitch.reason', 'report: ' || (array['retained', 'attempt', 'doubt'])[p_kind], true),
    set_config('cityswitch.source', '', true), set_config('cityswitch.hand', 'terminal', true);
  select p.programme into strict v_programme
    from registry.terminal t join registry.partner p on p.id = t.partner where t.id = p_terminal;
  select * into v_card from registry.card c where c.token = p_token and c.programme = v_programme;
  -- Kept by the partner: retained. Gone with whoever tried it: blocked, or wanted as before.
  v_becomes := case
    when p_kind = 1 and v_card.status in (0, 1, 2, 4, 5) then 7
    when p_kind = 2 and v_card.status in (0, 4, 5) then 1
    else v_card.status
  end;
  update registry.card c set status = v_becomes where c.token = v_card.token and c.status <> v_becomes;
  insert into registry.card_case (terminal, stan, digest, kind, entry, happened_at, programme, account, carrier,
      issue, last4, was, became, state)
    values (p_terminal, p_stan, p_digest, p_kind, p_entry, to_timestamp(p_happened), v_programme, v_card.account,
      v_card.carrier, v_card.issue, lpad(p_last4::text, 4, '0'), v_card.status, v_becomes,
      case when v_card.account is null then 3 else 0 end);
  return 0;
end
$$;

revoke all on function registry.report_card_v1 from public;
grant execute on function registry.report_card_v1 to cityswitch_service;
