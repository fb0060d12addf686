-- What the administrator does after `cityswitch init`, which makes the role the switch serves as.
\getenv service_password HA_SERVICE_PASSWORD
alter role cityswitch_service password :'service_password';
