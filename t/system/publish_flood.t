#!/usr/bin/perl

# Ten thousand wrong keys from one address: others start as fast as ever, the
# log stays short, and the workers stay small.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);

use Onair::Accounts;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;

use constant { WRONG => 10_000, AT_ONCE => 32, FLOODER => '127.0.0.3' };

my $accounts = Onair::Accounts->start('sqlite');
my @keys = map { $accounts->add_user("user$_") } 1 .. 60;
my $server = Onair::Server->start(
    $accounts->configuration(
        main => "error_log %dir%/logs/notice.log notice;\n"),
    plain => 1, workers => 2);


# All that a publisher says, in one piece: it need not wait for answers.
sub speech
{
    my ($key) = @_;
    my $p = bless { chunk_size => 128, streams => {} }, 'Onair::RTMP';
    my $bytes = "\x03" . 'x' x 3072;

    $bytes .= $p->chunks(1, 0, pack 'N', 4096);
    $p->{chunk_size} = 4096;
    $bytes .= $p->chunks(20, 0, Onair::AMF::encode('connect', 1,
        [ app => 'live', tcUrl => 'rtmp://127.0.0.1/live' ]));
    $bytes .= $p->chunks(20, 0, Onair::AMF::encode('createStream', 2, undef));
    $bytes .= $p->chunks(20, 0, Onair::AMF::encode('publish', 3, undef,
        Onair::AMF::string($key), 'live'), msid => 1, csid => 8);

    return $bytes;
}


sub wrong_key
{
    return 'live_1_' . join '', map { ('a' .. 'z', 2 .. 7)[rand 32] } 1 .. 32;
}


# Returns how many were refused: told so, or closed.
sub flood
{
    my $select = IO::Select->new;
    my ($begun, $refused, %heard) = (0, 0);

    while ($refused < WRONG) {
        while ($begun < WRONG && $select->count < AT_ONCE) {
            my $socket = IO::Socket::INET->new(
                LocalAddr => FLOODER, PeerAddr => '127.0.0.1',
                PeerPort => $server->rtmp_port) or return $refused;

            $begun++;
            $heard{$socket} = '';
            $select->add($socket);
            syswrite $socket, speech(wrong_key());
        }

        my @ready = $select->can_read(10) or return $refused;

        for my $socket (@ready) {
            my $n = sysread $socket, $heard{$socket}, 65536,
                length $heard{$socket};

            return $refused if $heard{$socket} =~ /NetStream\.Publish\.Start/;
            next if $n && $heard{$socket} !~ /NetStream\.Publish\./;

            $refused++;
            $select->remove($socket);
            delete $heard{$socket};
            close $socket;
        }
    }

    return $refused;
}


# Seconds until a publisher of a key that was never used is on the air.
sub start_time
{
    my $begin = time;
    my $p = Onair::RTMP->publish($server->rtmp_port, shift @keys);
    my $took = time - $begin;

    ok $p->accepted, 'a right key gets on';
    $p->close;

    return $took;
}


sub quickest { return (sort { $a <=> $b } @_)[0] }


sub memory_kb
{
    my $sum = 0;

    for my $pid ($server->worker_pids) {
        open my $in, '<', "/proc/$pid/status" or next;
        $sum += $_ for map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>;
    }

    return $sum;
}


# The lines of notice.log, and those of the module in error.log, at info: what
# nginx-rtmp says of every connection there is nginx-rtmp's.
sub logged
{
    open my $notices, '<', $server->dir . '/logs/notice.log' or die $!;

    return (<$notices>,
            grep { /publish_auth|refused/ } split /^/, $server->error_log);
}


my @workers = $server->worker_pids;
my @before = map { start_time() } 1 .. 5;
my $memory = memory_kb();
my %old = map { $_ => 1 } logged();

my $flooder = fork // die "fork: $!";

if ($flooder == 0) {
    my $refused = flood();

    POSIX::_exit($refused == WRONG ? 0 : 1);
}

my @during;

while (waitpid($flooder, POSIX::WNOHANG) == 0) {
    push @during, start_time() if @during < 30;
    select undef, undef, undef, 0.05;
}

is $?, 0, WRONG . ' wrong keys are refused, all of them';
cmp_ok scalar @during, '>=', 3, 'others started meanwhile';
cmp_ok quickest(@during), '<', quickest(@before) + 0.2,
    'and as fast as before';

# a busy machine is slow, but not each time
my @after = start_time();
push @after, start_time()
    while @after < 20 && quickest(@after) >= quickest(@before) + 0.2;
cmp_ok quickest(@after), '<', quickest(@before) + 0.2, 'also afterwards';

my @new = grep { !$old{$_} } logged();
my @told = grep { index($_, FLOODER) >= 0 } @new;

cmp_ok scalar @told, '>', 0, 'the log tells of it';
cmp_ok scalar @new, '<', 300, 'in few lines';
is scalar(grep { /live_\d+_[a-z2-7]{32}/ } @new), 0, 'and tells no key';

is_deeply [$server->worker_pids], \@workers, 'no worker was lost';
cmp_ok memory_kb() - $memory, '<', 16 * 1024, 'nor grew';
note sprintf 'start: %.1f ms before, %.1f ms meanwhile; %d lines; %d KB more',
    1000 * quickest(@before), 1000 * quickest(@during), scalar @new,
    memory_kb() - $memory;

done_testing;
