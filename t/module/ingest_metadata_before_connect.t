#!/usr/bin/perl

# What comes before there is an application never reaches nginx-rtmp, which
# would look for the settings of none.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF;
use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();

refused($server, 'metadata without connect',
        sub { $_[0]->metadata(0, width => 320) });
refused($server, 'the same as AMF3', sub {
    $_[0]->message(Onair::RTMP::AMF3_META, 0, "\0" . Onair::AMF::encode(
        '@setDataFrame', 'onMetaData', Onair::AMF::ecma([ width => 320 ])));
});
refused($server, 'a command without connect',
        sub { $_[0]->command('publish', undef, 'chan', 'live') });

done_testing;
