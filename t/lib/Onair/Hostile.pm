package Onair::Hostile;

# Sessions that mean harm: each is closed, and its worker serves on.
#
#   my $server = hostile_server();
#   refused($server, 'what it does', sub { my $p = shift; ... });
#   harmless($server, 'what it does', sub { my $p = shift; ... });
#
# The code gets an Onair::RTMP after its handshake.  One worker, so that it is
# the same one that has to answer afterwards.

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use Onair::RTMP;
use Onair::Server;

our @EXPORT = qw(hostile_server refused harmless);


sub hostile_server
{
    return Onair::Server->start(workers => 1, @_);
}


sub session
{
    my $server = shift;
    my $p = Onair::RTMP->new($server->rtmp_port, timeout => 10);

    $p->handshake;

    return $p;
}


sub refused
{
    my ($server, $what, $code) = @_;
    my @before = $server->worker_pids;
    my $p = session($server);

    $code->($p);
    ok $p->wait_closed(10), "$what: closed";
    survived($server, $what, @before);
}


sub harmless
{
    my ($server, $what, $code) = @_;
    my @before = $server->worker_pids;
    my $p = session($server);

    $code->($p);
    ok !$p->wait_closed(0.3), "$what: ignored";
    $p->close;
    survived($server, $what, @before);
}


sub survived
{
    my ($server, $what, @before) = @_;
    my $answer = eval { session($server)->connect };

    ok $answer, "$what: the worker answers";
    is_deeply [$server->worker_pids], \@before, "$what: it is the same one";
}


1;
