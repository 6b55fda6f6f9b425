#!/usr/bin/perl

# Messages of one byte, in a buffer as long as the client likes, are not worth
# the square of it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Select;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);
my ($worker) = $server->worker_pids;


sub stat_fields
{
    open my $file, '<', "/proc/$worker/stat" or die "$worker: $!";

    return split ' ', <$file> =~ s/^.*\) //r;
}


sub cpu_seconds
{
    my @fields = stat_fields();

    return ($fields[11] + $fields[12]) / 100;
}


my $p = Onair::RTMP->new($server->rtmp_port);
$p->handshake;
$p->set_chunk_size(10_000_000);

# an empty message of no known type; each byte repeats it
$p->raw($p->chunks(30, 0, '', csid => 5));
ok !$p->wait_closed(0.3), 'it is legal';

# fill the sockets while the worker stands still, so that it reads all at once
kill 'STOP', $worker;
wait_for { (stat_fields())[0] eq 'T' };
my $cpu = cpu_seconds();

while (IO::Select->new($p->{socket})->can_write(0.5)) {
    syswrite $p->{socket}, "\xc5" x 65536;
}

kill 'CONT', $worker;
is $server->get('/status.json')->{status}, 200, 'another client is served';
cmp_ok cpu_seconds() - $cpu, '<', 1, 'without much work before';

done_testing;
