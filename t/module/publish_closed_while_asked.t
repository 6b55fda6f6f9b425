#!/usr/bin/perl

# closeStream, deleteStream and the end of a connection end a check that is
# under way; its answer is nobody's.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts::Judge;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;

my $judge = Onair::Accounts::Judge->new;
my $server = Onair::Server->start(workers => 1,
    rtmp_app => 'publish_auth ' . $judge->url . '; publish_auth_timeout 20s;
                 publish_auth_cache 0; publish_auth_attempts 30 pause=1h;');


sub ready
{
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect;
    $p->create_stream;

    return $p;
}


sub ask
{
    my ($p, $name) = @_;

    $p->command('publish', undef, Onair::AMF::string($name), 'live');

    return $judge->question;
}


for my $close (qw(closeStream deleteStream)) {
    my $p = ready();
    my $first = ask($p, 'first');

    $p->command($close, undef, 1);
    my $second = ask($p, "second-$close");

    $judge->answer($first, '403 Forbidden');
    $judge->answer($second, '200 OK');
    is $p->wait_status->{code}, 'NetStream.Publish.Start',
        "$close: the second publish has its own answer";
    ok !$p->wait_closed(0.3), 'and the first answer is nobody\'s';
    $p->close;
}

my @left = map { my $p = ready(); [$p, ask($p, "left-$_")] } 1 .. 20;
$_->[0]->close for @left;
ok wait_for { my $n = () = $server->error_log =~ /disconnect/g; $n >= 22 },
    'connections end while they are asked';
$judge->answer($_->[1], '200 OK') for @left;

my $p = ready();
$judge->answer(ask($p, 'right'), '200 OK');
is $p->wait_status->{code}, 'NetStream.Publish.Start', 'others do not mind';
$p->close;

my $key = 0;
ok wait_for { my $q = ready();
              $q->command('publish', undef,
                          Onair::AMF::string('again' . $key++), 'live');
              $q->close;
              $server->error_log =~ /refused: too many wrong/ },
    'who never waits for the answer is locked out';
unlike $server->error_log, qr/"left-\d+" admitted/, 'nobody who left is live';

done_testing;
