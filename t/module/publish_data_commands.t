#!/usr/bin/perl

# nginx-rtmp carries out a command that comes as data, or as a shared object:
# such a one does no more than a command does.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF;
use Onair::Ctl;
use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Turn;

my $accounts = Onair::Ctl->sqlite;
my $node = Onair::Turn->node($accounts);
my $media = Onair::FLV::make(seconds => 1);


sub data
{
    my ($p, $type, @values) = @_;
    my $prefix = $type == Onair::RTMP::AMF3_META ? "\0" : '';

    $p->message($type, 0, $prefix . Onair::AMF::encode(@values), msid => 1);
}


# What waits to be told once the publisher is on the air must not end it.
for my $type (Onair::RTMP::META, Onair::RTMP::AMF3_META) {
    for my $command (qw(closeStream deleteStream)) {
        my $key = $accounts->user("$command-$type");
        my $primary = publish($node, $key);
        ok $primary->accepted, 'a primary is live';
        $primary->send_flv($media);

        my $backup = publish($node, "$key?backup=1");
        ok $backup->accepted, 'a backup stands by';
        data($backup, $type, $command, 1, undef, 1);
        data($backup, $type, 'onMetaData', [ width => 320 ]);
        data($backup, $type, $command, 1, undef, 1);
        $backup->send_flv($media);
        ok !$backup->wait_closed(0.2), "$command as data is passed over";

        $primary->close;
        my $name = lc "$command-$type";
        ok wait_for { $node->error_log =~ /"$name": the publisher that stood/ },
            'it goes on the air';
        $backup->close;
        ok live($node, $key), 'and leaves a free channel';
    }
}

# They count as commands, too.
for my $type (Onair::RTMP::META, Onair::RTMP::SHARED) {
    my $p = publish($node, $accounts->user("counts-$type"));
    my $message = Onair::AMF::encode('releaseStream', 1, undef);

    $message = pack('n/a*', 'name') . $message
        if $type == Onair::RTMP::SHARED;
    $p->message($type, 0, $message, msid => 1) for 1 .. 300;
    ok $p->wait_closed, "not any number of them, by type $type";
}

like $node->error_log, qr/session closed: too many commands/, 'which is said';

# Data is not counted.
my $p = publish($node, $accounts->user('captions'));
$p->message(Onair::RTMP::META, 0,
            Onair::AMF::encode('onTextData', [ text => "line $_" ]), msid => 1)
    for 1 .. 1000;
ok !$p->wait_closed(0.3), 'captions may be sent as one likes';

done_testing;
