-- What the database's administrator does before `cityswitch init`, as in README's "Run it for real".
\getenv owner_password HA_OWNER_PASSWORD
create role cityswitch_owner login createrole password :'owner_password';
create database cityswitch owner cityswitch_owner;
