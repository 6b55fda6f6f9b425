#!/usr/bin/perl

# A publisher that needs more than ingest_max_pending is refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1,
                                  rtmp_app => 'ingest_max_pending 64k;');
my $media = Onair::FLV::make(seconds => 1);
my ($header) = grep { Onair::FLV::is_video($_) && Onair::FLV::is_config($_) }
                    @$media;


sub publish_frame
{
    my $size = shift;
    my $p = Onair::RTMP->publish($server->rtmp_port, "of-$size");

    $p->video(0, $header->{body});
    $p->video(0, "\x17\1\0\0\0" . pack 'N/a*', "\x65" . 'x' x $size);

    return $p;
}


my $p = publish_frame(65536);
my $status = $p->wait_status;
is $status->{code}, 'NetStream.Publish.Failed', 'a frame of 64 KB is refused';
like $status->{description}, qr/no room/, 'and why';
ok $p->wait_closed, 'and closed';
like $server->error_log, qr/\[error\].*channel "of-65536" session \w+ refused/,
    'the log tells the operator';

$p = publish_frame(10000);
ok !$p->wait_closed(0.5), 'one of 10 KB is not';

done_testing;
