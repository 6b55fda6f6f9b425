#!/usr/bin/perl

# A 720p stream with B-frames from GStreamer, served by four workers.

use strict;
use warnings;

use lib 't/lib';

use Onair::LLHLS::Follow;

Onair::LLHLS::Follow::run('gst');
