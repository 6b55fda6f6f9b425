#!/usr/bin/perl

# Answers are remembered: a key that is fresh asks nobody, an unknown one asks
# once in some seconds; and by every worker.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;

my $accounts = Onair::Accounts->start('callback');
my $key = $accounts->add_user('studio');
my $server = Onair::Server->start($accounts->configuration(workers => 2,
    app => 'publish_auth_cache 5m; publish_auth_attempts off;
            publish_auth_recheck 0;'));
my $never = Onair::Server->start($accounts->configuration(workers => 1,
    app => 'publish_auth_cache 0; publish_auth_recheck 0;'));


sub once
{
    my ($on, $name) = @_;
    my $p = wait_for { my $p = Onair::RTMP->publish($on->rtmp_port, $name);
                       ($p->status->{description} // '') ne 'already live'
                       && $p };
    my $answer = $p->accepted;

    $p->close;

    return $answer ? 1 : 0;
}


sub asked { return scalar grep { $_->{name} eq $_[0] } $accounts->questions }


ok once($server, $key), 'a key is right' for 1 .. 6;
is asked($key), 1, 'and asked for once';

my $wrong = $accounts->unknown;

ok !once($server, $wrong), 'a key is wrong' for 1 .. 6;
cmp_ok asked($wrong), '<=', 2, 'and hardly ever asked for';

ok once($server, "$key?backup=0"), 'other arguments';
is asked($key), 2, 'are another question';

my $before = asked($key);
ok once($never, $key), 'without a cache' for 1 .. 3;
is asked($key), $before + 3, 'each one asks';

done_testing;
