#!/usr/bin/perl

# Who has one key takes a few places only, whatever is asked for; others come
# on as before.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ctl;
use Onair::FLV;
use Onair::Server;
use Onair::Turn;

my $accounts = Onair::Ctl->sqlite;
my $key = $accounts->user('crowd');
my $other = $accounts->user('other');

# who sends nothing more stays, however long the rest takes
my $node = Onair::Turn->node($accounts, workers => 2,
                             app => 'publish_auth_stall 1m;');

my @crowd = publish($node, $key);
ok $crowd[0]->accepted, 'one is live';
$crowd[0]->send_flv(Onair::FLV::make(seconds => 1));

push @crowd, publish($node, "$key?backup=1") for 1 .. 15;
is scalar(grep { $_->accepted } @crowd), 16, 'backups stand by';

my $more = publish($node, "$key?backup=1");
ok !$more->accepted, 'not any number of them';
is $more->status->{description}, 'already live', 'which it is told';
ok $more->wait_closed, 'and is closed';
ok publish($node, $other)->accepted, 'another one is live';

(pop @crowd)->close;
ok live($node, "$key?backup=1"), 'who leaves makes room';

done_testing;
